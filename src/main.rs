//! The binary: hands over to the command line.
//! Everything is in the library, so that an embedder's own `main` can do the same with filters of its own.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ingora::cli::main(ingora_middleware::Registry::built_in())
}
