// SPDX-License-Identifier: Apache-2.0
//! An extension that tells each record of the Logs API, as what it has read it as.

use lambda_extension::{service_fn, Error, Extension, LambdaLog, SharedService};

async fn handler(records: Vec<LambdaLog>) -> Result<(), Error> {
    for record in records {
        println!("logs: {:?}", record.record);
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    Extension::new()
        .with_log_types(&["platform", "function"])
        .with_logs_processor(SharedService::new(service_fn(handler)))
        .run()
        .await
}
