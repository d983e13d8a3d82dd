// SPDX-License-Identifier: Apache-2.0
//! An extension that tells each record of the Telemetry API, as what it has read it as.

use lambda_extension::{service_fn, Error, Extension, LambdaTelemetry, SharedService};

async fn handler(records: Vec<LambdaTelemetry>) -> Result<(), Error> {
    for record in records {
        println!("telemetry: {}", serde_json::to_string(&record)?);
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    Extension::new()
        .with_telemetry_types(&["platform", "function"])
        .with_telemetry_processor(SharedService::new(service_fn(handler)))
        .run()
        .await
}
