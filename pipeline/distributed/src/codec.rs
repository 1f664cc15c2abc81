//! Plans as bytes: Ballista's own way, and what a session's functions stand for.

use std::sync::Arc;

use ballista_core::serde::BallistaPhysicalExtensionCodec;
use datafusion::common::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::ScalarUDF;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_proto::physical_plan::{PhysicalExtensionCodec, PhysicalProtoConverterExtension};
use pacbot_lake::{function_from_bytes, function_to_bytes};

/// Writes and reads plans of the lake's sessions.
#[derive(Debug, Default)]
pub(crate) struct LakeCodec(BallistaPhysicalExtensionCodec);

impl PhysicalExtensionCodec for LakeCodec {
    fn try_decode(
        &self,
        bytes: &[u8],
        inputs: &[Arc<dyn ExecutionPlan>],
        ctx: &TaskContext,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.0.try_decode(bytes, inputs, ctx, converter)
    }

    fn try_encode(
        &self,
        node: Arc<dyn ExecutionPlan>,
        bytes: &mut Vec<u8>,
        converter: &dyn PhysicalProtoConverterExtension,
    ) -> Result<()> {
        self.0.try_encode(node, bytes, converter)
    }

    fn try_encode_udf(&self, function: &ScalarUDF, bytes: &mut Vec<u8>) -> Result<()> {
        // No bytes: whoever reads the plan knows the function by its name.
        bytes.extend(function_to_bytes(function).unwrap_or_default());
        Ok(())
    }

    fn try_decode_udf(&self, name: &str, bytes: &[u8]) -> Result<Arc<ScalarUDF>> {
        let function = function_from_bytes(name, bytes);
        function.map(Arc::new).map_err(|error| DataFusionError::External(Box::new(error)))
    }
}
