import { openai } from "@ai-sdk/openai";
import { generateText } from "ai";

const { text } = await generateText({
  model: openai("gpt-4o"),
  prompt: "Say something.",
  experimental_telemetry: {
    isEnabled: true,
    recordInputs: false,
    recordOutputs: false,
    functionId: "answer",
    metadata: { sessionId: "session-7", userId: "ada" },
  },
});
console.log(text);
