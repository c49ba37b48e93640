"""A call to a model, traced by Langfuse's SDK and sent to Weir as the environment says."""

from langfuse import get_client
from langfuse.openai import OpenAI

answer = OpenAI().chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "Say something."}])
print(answer.choices[0].message.content)
get_client().flush()
