//! The other tier: whole packs in a folder or in a bucket, through the `object_store` crate.
//!
//! That crate is asynchronous and nothing outside this file knows it. A folder needs no runtime
//! and is waited for in place; a bucket brings a small one of its own, with the feature `s3`.

use std::future::Future;
use std::ops::Range;
use std::path::PathBuf;

use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore as Blobs, ObjectStoreExt, PutPayload};
use serde::Deserialize;

use super::error::ObjectError;

/// Where the other tier is, as the settings have it:
///
/// ```
/// # use kernel::object::RemoteConfig;
/// # fn main() -> Result<(), toml::de::Error> {
/// let folder: RemoteConfig = toml::from_str("kind = 'folder'\npath = '/mnt/nas/hearth'")?;
/// let bucket: RemoteConfig = toml::from_str(
///     "kind = 's3'\nbucket = 'mine'\nregion = 'eu-north-1'\nendpoint = 'https://s3.example.com'",
/// )?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum RemoteConfig {
    /// A folder, which must exist: another disk, or one that the network brings.
    Folder {
        /// Its path.
        path: PathBuf,
    },
    /// A bucket of Amazon S3 or of a service that speaks its protocol. It needs the feature `s3`.
    S3 {
        /// Its name.
        bucket: String,
        /// The region, if the service has any.
        region: Option<String>,
        /// Where the service is, for others than Amazon.
        endpoint: Option<String>,
        /// What all names in the bucket begin with.
        prefix: Option<String>,
        /// Who asks. Without it, `AWS_*` variables say it, or the machine's own role.
        access_key: Option<String>,
        /// A file that holds the secret to `access_key` and nothing else.
        secret_key_file: Option<PathBuf>,
    },
}

/// The tier, opened.
pub(super) struct Remote {
    blobs: Box<dyn Blobs>,
    /// What all names of this store begin with.
    prefix: Path,
    #[cfg(feature = "s3")]
    runtime: tokio::runtime::Runtime,
}

impl Remote {
    pub(super) fn open(config: &RemoteConfig, store: &str) -> Result<Self, ObjectError> {
        let (blobs, prefix): (Box<dyn Blobs>, _) = match config {
            RemoteConfig::Folder { path } => {
                let folder = LocalFileSystem::new_with_prefix(path).map_err(remote)?;
                (Box::new(folder.with_fsync(true)), None)
            }
            RemoteConfig::S3 { prefix, .. } => (s3(config)?, prefix.as_deref()),
        };
        let prefix =
            Path::from_iter(prefix.into_iter().flat_map(|it| it.split('/')).chain([store]));
        #[cfg(feature = "s3")]
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        #[cfg(feature = "s3")]
        let runtime = runtime.map_err(|error| ObjectError::Remote(error.to_string()))?;
        Ok(Self {
            blobs,
            prefix,
            #[cfg(feature = "s3")]
            runtime,
        })
    }

    #[cfg(feature = "s3")]
    fn wait<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    #[cfg(not(feature = "s3"))]
    #[expect(clippy::unused_self, reason = "with the feature `s3` it has a runtime")]
    fn wait<F: Future>(&self, future: F) -> F::Output {
        pollster::block_on(future)
    }

    fn path(&self, pack: u64) -> Path {
        self.prefix.clone().join(format!("{pack:016x}.pack"))
    }

    /// Stores a pack; when it returns, the tier calls it durable.
    pub(super) fn put(&self, pack: u64, bytes: Vec<u8>) -> Result<(), ObjectError> {
        let put = self.wait(self.blobs.put(&self.path(pack), PutPayload::from(bytes)));
        put.map(|_| ()).map_err(remote)
    }

    /// All of a pack; `None` if it is not there.
    pub(super) fn get(&self, pack: u64) -> Result<Option<Vec<u8>>, ObjectError> {
        let path = self.path(pack);
        let got = self.wait(async { self.blobs.get(&path).await?.bytes().await });
        found(got.map(|bytes| bytes.to_vec()))
    }

    /// A piece of a pack; `None` if the pack is not there.
    pub(super) fn get_range(
        &self,
        pack: u64,
        range: Range<u64>,
    ) -> Result<Option<Vec<u8>>, ObjectError> {
        let got = self.wait(self.blobs.get_range(&self.path(pack), range));
        found(got.map(|bytes| bytes.to_vec()))
    }

    pub(super) fn remove(&self, pack: u64) -> Result<(), ObjectError> {
        found(self.wait(self.blobs.delete(&self.path(pack)))).map(|_| ())
    }
}

fn found<T>(got: object_store::Result<T>) -> Result<Option<T>, ObjectError> {
    match got {
        Ok(it) => Ok(Some(it)),
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(remote(error)),
    }
}

fn remote(error: object_store::Error) -> ObjectError {
    ObjectError::Remote(error.to_string())
}

#[cfg(not(feature = "s3"))]
fn s3(_: &RemoteConfig) -> Result<Box<dyn Blobs>, ObjectError> {
    Err(ObjectError::Remote("this Hearth was built without the feature `s3`".to_owned()))
}

#[cfg(feature = "s3")]
fn s3(config: &RemoteConfig) -> Result<Box<dyn Blobs>, ObjectError> {
    use object_store::aws::AmazonS3Builder;

    let RemoteConfig::S3 { bucket, region, endpoint, access_key, secret_key_file, .. } = config
    else {
        unreachable!("a folder is opened elsewhere");
    };
    // It is only refused where somebody has chosen a provider before, which serves as well.
    drop(rustls::crypto::ring::default_provider().install_default());
    let mut builder = AmazonS3Builder::from_env().with_bucket_name(bucket);
    if let Some(region) = region {
        builder = builder.with_region(region);
    }
    if let Some(endpoint) = endpoint {
        // Whoever writes http has decided so: the packs are sealed, the name of the bucket is not.
        builder = builder.with_endpoint(endpoint).with_allow_http(endpoint.starts_with("http:"));
    }
    if let Some(access_key) = access_key {
        builder = builder.with_access_key_id(access_key);
    }
    if let Some(file) = secret_key_file {
        let bytes = crate::disk::read(&crate::disk::RealDisk, file, 4096);
        let bytes = bytes.map_err(|error| ObjectError::Disk(file.clone(), error))?;
        let secret = zeroize::Zeroizing::new(bytes);
        builder = builder.with_secret_access_key(String::from_utf8_lossy(&secret).trim());
    }
    Ok(Box::new(builder.build().map_err(remote)?))
}
