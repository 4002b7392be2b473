# What .ci/run does is the check; the rest are shortcuts.

# The whole check
check *STEPS:
    .ci/run {{STEPS}}

# All tests, or those that match: just test regf
test *ARGS:
    ./test {{ARGS}}

# Formats the source
fmt:
    cargo fmt

# Lints as the check does
lint:
    cargo fmt --check
    cargo clippy --all-targets --locked -- -D warnings

# Benchmarks, all or those that match
bench *ARGS:
    cargo bench --locked {{ARGS}}

# Fuzzes one target for some seconds; needs cargo-fuzz and a nightly toolchain
fuzz TARGET SECONDS="60":
    cargo +nightly fuzz run {{TARGET}} -- -max_total_time={{SECONDS}}

# The crate's documentation
docs:
    RUSTDOCFLAGS='-D warnings' cargo doc --no-deps --locked
