import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { NodeSDK } from "@opentelemetry/sdk-node";

const tracing = new NodeSDK({ traceExporter: new OTLPTraceExporter() });
tracing.start();
process.on("beforeExit", () => tracing.shutdown());
