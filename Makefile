# The two commands of the README, and the smaller ones behind them.
.PHONY: run test lint check-content bench docs deny

run:            ## Build and start phiward on this machine
	cargo run --release -- up

test: lint      ## Install what the tests need and run everything
	scripts/with-services.sh cargo test --workspace --no-fail-fast

lint:
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo run --quiet -- checks lint
	cargo run --quiet -- checks test

deny:           ## Licences, bans and sources of dependencies
	cargo deny --all-features check licenses bans sources

bench:          ## Measure, beside the figures of rivals
	scripts/with-services.sh cargo bench --package phiward --bench figures

docs:           ## Write the generated reference pages and schemas anew
	UPDATE=1 cargo test --package phiward --test reference
