# The two commands of the README, and the smaller ones behind them.
.PHONY: run test lint deny bench docs pictures

TOOLS := $(or $(CARGO_TARGET_DIR),target)/tools

run:            ## Build and start phiward on this machine
	cargo run --release -- up

test: lint      ## Install what the tests need and run everything
	scripts/with-services.sh cargo test --workspace --no-fail-fast

lint:           ## Formatting, lints, and the checks' own tests
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo run --quiet -- checks lint
	cargo run --quiet -- checks test

deny:           ## Licences, bans and sources of dependencies
	PATH="$(TOOLS)/bin:$$PATH" cargo deny --version >/dev/null 2>&1 || cargo install --locked --root "$(TOOLS)" cargo-deny@0.20.2
	PATH="$(TOOLS)/bin:$$PATH" cargo deny --all-features check licenses bans sources

bench:          ## Measure, beside the figures of rivals
	scripts/with-services.sh cargo bench --package phiward --bench figures
	scripts/with-services.sh cargo test --package phiward-store --test large -- --ignored --nocapture

docs:           ## Write the generated reference pages and schemas anew
	UPDATE=1 cargo test --package phiward --test reference

pictures:       ## Take the README's picture anew, of the demo hospital
	scripts/with-services.sh scripts/pictures.sh
