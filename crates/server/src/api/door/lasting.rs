//! What goes on when its request is over, and is waited for before the node ends.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Counts what goes on.
#[derive(Clone)]
pub(crate) struct Lasting(Arc<watch::Sender<usize>>);

/// One that goes on; its end is that of this.
struct One(Lasting);

impl Lasting {
    pub(super) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(0)))
    }

    /// Lets something go on, whatever becomes of whoever waits for it.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        self.0.send_modify(|count| *count += 1);
        let one = One(self.clone());
        tokio::spawn(async move {
            let done = work.await;
            drop(one);
            done
        })
    }

    /// Done when nothing goes on any more.
    pub(crate) async fn all_ended(&self) {
        // The sender is here: it cannot be gone.
        let _ = self.0.subscribe().wait_for(|count| *count == 0).await;
    }
}

impl Drop for One {
    fn drop(&mut self) {
        self.0.0.send_modify(|count| *count -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_goes_on_is_waited_for_though_it_fails_or_nobody_waits() {
        let lasting = Lasting::new();
        lasting.all_ended().await;
        let (go, gone) = tokio::sync::oneshot::channel::<()>();
        drop(lasting.spawn(gone));
        let broken = lasting.spawn(async { panic!("as it may happen") });
        assert!(broken.await.is_err());
        let waiting = tokio::spawn({
            let lasting = lasting.clone();
            async move { lasting.all_ended().await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        go.send(()).unwrap();
        waiting.await.unwrap();
    }
}
