"""Names of fields that a refusal may repeat. A sender makes up any other, and may have put text of a prompt into it."""

# As gateways, instrumentations and vendors' APIs call what a usage event has no field for, or calls otherwise.
TOLD_NAMES = frozenset(
    """
    additional_kwargs amount answer api_key app arguments body call_type cache_hit cache_read_input_tokens cached_input
    cached_tokens choices comment completion completion_tokens content conversation_id created currency customer data
    datacontenttype deployment description duration end_time end_user endTime environment error event finish_reason
    function_call gpu_hours headers host input input_tokens instructions kind label labels latency locale log messages
    meta metadata method metric model_name msg name namespace note notes organization output output_tokens params parent
    path payload price project prompt prompt_tokens proxy_server_request quality_score quantity query reasoning region
    request request_id request_tags response response_cost response_format response_text role run_id safety_flags
    session spend specversion start_time startTime subject success summary system system_prompt tags task task_ids team
    temperature text time timestamp title token token_count tool_calls tool_choice tools total_cost total_tokens trace
    trace_id type unit url usage user user_id value version workload
    """.split()  # noqa: SIM905  # a line for each would be a page
)
