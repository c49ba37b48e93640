from budgets.slack.operations.answering import ANSWERS_HEARTBEAT, answer_presses
from budgets.slack.operations.receiving import NotSigned, receive_press

__all__ = ["ANSWERS_HEARTBEAT", "NotSigned", "answer_presses", "receive_press"]
