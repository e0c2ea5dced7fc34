//! Middlewares in front of real servers, a file each for those that are more than a header or a path.

mod buffering;
mod compress;
mod errors;
mod retry;
