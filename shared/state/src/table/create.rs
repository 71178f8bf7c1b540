//! Making the table.

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::operation::describe_table::DescribeTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TableStatus, TimeToLiveSpecification,
};
use engine::ports::StoreError;

use super::batch::pause;
use super::{Operation, Table, failure, unavailable};
use crate::item::EXPIRES;
use crate::keys::{PK, SK};

/// How often a table in the making is asked for. With [`pause`] that is about three minutes.
const MOST_LOOKS: u32 = 64;

impl Table {
    /// Makes the table if there is none (on demand, time to live in `expires`) and waits until it can be used.
    pub(crate) async fn create_if_missing(&self) -> Result<(), StoreError> {
        let doing = "making the table";
        if self.status(doing).await?.is_none() {
            self.create(doing).await?;
        }
        self.until_active(doing).await?;
        self.time_to_live(doing).await
    }

    /// The table's status; `None` if there is no table.
    async fn status(&self, doing: &str) -> Result<Option<TableStatus>, StoreError> {
        self.count(Operation::DescribeTable);
        match self.client.describe_table().table_name(&self.name).send().await {
            Ok(answer) => Ok(answer.table.and_then(|table| table.table_status)),
            Err(error) => match error.as_service_error() {
                Some(DescribeTableError::ResourceNotFoundException(_)) => Ok(None),
                Some(_) | None => Err(failure::failed(&self.place, doing, &error)),
            },
        }
    }

    async fn create(&self, doing: &str) -> Result<(), StoreError> {
        self.count(Operation::CreateTable);
        let mut request = self.client.create_table().table_name(&self.name).billing_mode(BillingMode::PayPerRequest);
        for (name, kind) in [(PK, KeyType::Hash), (SK, KeyType::Range)] {
            let attribute = AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S).build();
            let key = KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
            request = request
                .attribute_definitions(attribute.map_err(|error| unavailable(&self.place, doing, error))?)
                .key_schema(key.map_err(|error| unavailable(&self.place, doing, error))?);
        }
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                // Somebody else was faster.
                Some(CreateTableError::ResourceInUseException(_)) => Ok(()),
                Some(_) | None => Err(failure::failed(&self.place, doing, &error)),
            },
        }
    }

    async fn until_active(&self, doing: &str) -> Result<(), StoreError> {
        for attempt in 1..=MOST_LOOKS {
            match self.status(doing).await? {
                Some(TableStatus::Active | TableStatus::Updating) => return Ok(()),
                Some(_) | None => tokio::time::sleep(pause(attempt)).await,
            }
        }
        Err(unavailable(&self.place, doing, "the table does not become active"))
    }

    async fn time_to_live(&self, doing: &str) -> Result<(), StoreError> {
        self.count(Operation::UpdateTimeToLive);
        let setting = TimeToLiveSpecification::builder().attribute_name(EXPIRES).enabled(true).build();
        let setting = setting.map_err(|error| unavailable(&self.place, doing, error))?;
        let request = self.client.update_time_to_live().table_name(&self.name).time_to_live_specification(setting);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.message().is_some_and(|words| words.contains("already enabled")) => Ok(()),
            Err(error) => Err(failure::failed(&self.place, doing, &error)),
        }
    }
}
