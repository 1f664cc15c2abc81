//! Why a scheduler or an executor fails.

use std::net::SocketAddr;
use std::path::PathBuf;

use ballista_core::error::BallistaError;

/// Why a scheduler or an executor could not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum DistributedError {
    /// Another program has the address, or it is not of this machine.
    #[error("failed to listen on `{address}`")]
    Listen {
        /// What was asked for.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// The folder for spilled and shuffled rows cannot be used.
    #[error("failed to use the folder `{}`", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The scheduler does not answer.
    #[error("the scheduler at `{scheduler}` does not answer")]
    NoScheduler {
        /// Its address.
        scheduler: String,
        /// What Ballista says.
        source: BallistaError,
    },
    /// Ballista could not go on.
    #[error("Ballista failed")]
    Ballista(#[from] BallistaError),
}
