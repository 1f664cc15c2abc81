//! Who tells people of fixes: before, and what became of them.

use async_trait::async_trait;
use pacbot_dashboards::Look;
use pacbot_jobs::notify::{Notice, Notifier, NotifyError, Outcome};

/// Delivers notices to whoever has to know.
#[async_trait]
pub trait Warner: Send + Sync {
    /// Delivers notices, and yields an outcome for each in the same order.
    ///
    /// [`Outcome::Delivered`] means that the notice has arrived where people read it: the fix may follow. A notice that was
    /// delivered before is not delivered again, so a notice may be handed over as often as one likes.
    ///
    /// # Errors
    ///
    /// [`NotifyError`] when it is not known what was delivered.
    async fn tell(&self, notices: &[Notice]) -> Result<Vec<Outcome>, NotifyError>;
}

#[async_trait]
impl Warner for (Notifier<'_>, &Look) {
    async fn tell(&self, notices: &[Notice]) -> Result<Vec<Outcome>, NotifyError> {
        self.0.deliver(self.1, notices).await
    }
}
