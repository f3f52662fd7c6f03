//! Files on disk: read into documents, written back, watched for what other programs do.

pub mod editorconfig;
pub mod load;
pub mod save;
pub mod stamp;
pub mod trouble;
pub mod watch;
