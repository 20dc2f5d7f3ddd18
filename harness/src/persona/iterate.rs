//! What a persona does in an iteration.

use futures::future::BoxFuture;

use super::Stop;

/// What a persona does in an iteration. Every `async fn(&mut U) -> Result<(), Stop>` is one.
#[diagnostic::on_unimplemented(
    message = "this can't be what a persona does in an iteration",
    label = "not an `async fn(&mut {U}) -> Result<(), Stop>`",
    note = "write `async fn visit(user: &mut {U}) -> Result<(), Stop>`, and `iterate: &visit`",
    note = "what it keeps over an `.await` must be `Send`"
)]
pub trait Iterate<U>: Send + Sync {
    /// Begins an iteration.
    fn begin<'a>(&self, user: &'a mut U) -> BoxFuture<'a, Result<(), Stop>>;
}

impl<U: 'static, F> Iterate<U> for F
where
    F: for<'a> Steps<'a, U> + Send + Sync,
{
    fn begin<'a>(&self, user: &'a mut U) -> BoxFuture<'a, Result<(), Stop>> {
        Box::pin(self(user))
    }
}

/// An `async fn` of a user, with a name for its future: the future borrows the user.
pub trait Steps<'a, U: 'a>: Fn(&'a mut U) -> <Self as Steps<'a, U>>::Future {
    /// What it gives.
    type Future: Future<Output = Result<(), Stop>> + Send + 'a;
}

impl<'a, U: 'a, F, Given> Steps<'a, U> for F
where
    F: Fn(&'a mut U) -> Given,
    Given: Future<Output = Result<(), Stop>> + Send + 'a,
{
    type Future = Given;
}
