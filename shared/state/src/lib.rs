//! The state store over DynamoDB: the service, or an engine embedded in the process.
