//! What anybody can read of the products: stock, and how many were sold lately.

use std::collections::BTreeMap;

use harness::{Admin, AdminError};

use crate::api::{Api, Ids, Numbers};

/// Stock and sold quantity by product; nothing where the server doesn't show it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Shelves {
    /// In stock.
    pub stock: Option<BTreeMap<i64, i64>>,
    /// Sold, by the list of the products sold most.
    pub sold: Option<BTreeMap<i64, i64>>,
}

impl Shelves {
    /// Reads them as far as the server shows them.
    ///
    /// # Errors
    /// See [`AdminError`].
    pub async fn read(admin: &Admin, api: &Api) -> Result<Self, AdminError> {
        let top = api.top.path.of(Ids::default());
        Ok(Self {
            stock: Self::stock(admin, api).await?,
            sold: shown(admin, &top, api.sold.as_ref()).await?,
        })
    }

    /// Reads the stock of each product, if the server shows it.
    ///
    /// # Errors
    /// See [`AdminError`].
    pub async fn stock(admin: &Admin, api: &Api) -> Result<Option<BTreeMap<i64, i64>>, AdminError> {
        let products = api.products.of(Ids::default());
        shown(admin, &products, api.stock.as_ref()).await
    }
}

/// A number of each product, if the list has it.
async fn shown(
    admin: &Admin,
    path: &str,
    number: Option<&Numbers<2>>,
) -> Result<Option<BTreeMap<i64, i64>>, AdminError> {
    let Some(number) = number else {
        return Ok(None);
    };
    match admin.read(path, |body| number.list(body)).await {
        Ok(rows) => Ok(Some(rows.into_iter().map(|[id, n]| (id, n)).collect())),
        Err(AdminError::Body { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
