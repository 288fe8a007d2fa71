#!/usr/bin/env bash
# Takes the pictures of the README and the guide: the demo hospital in a real browser.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'cargo run --quiet -- demo down >/dev/null; rm -rf "$folder"' EXIT
cargo run --quiet -- demo up
PHIWARD_PICTURES="$folder" cargo test --quiet --package phiward --test dashboard the_pictures
mkdir -p docs/images
cp "$folder/overview-1280-light.png" docs/images/overview.png
cp "$folder/map-1280-light.png" docs/images/map.png
cp "$folder/overview-390-dark.png" docs/images/overview-phone.png
