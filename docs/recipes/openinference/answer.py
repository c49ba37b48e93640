"""A call to a model, traced by OpenInference and sent to Weir as the environment says."""

from openai import OpenAI
from openinference.instrumentation import using_attributes
from openinference.instrumentation.openai import OpenAIInstrumentor
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

tracing = TracerProvider()
tracing.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
OpenAIInstrumentor().instrument(tracer_provider=tracing)

with using_attributes(session_id="session-7", user_id="ada"):
    answer = OpenAI().chat.completions.create(
        model="gpt-4o", messages=[{"role": "user", "content": "Say something."}]
    )
print(answer.choices[0].message.content)
tracing.shutdown()
