//! What the fuzz targets share.

pub mod embedded;
pub mod tree;
