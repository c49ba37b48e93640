"""When tasks run, and on which queue; a task without a route runs on `slow`. What must not wait behind another has a
queue of its own.
"""

from celery.schedules import crontab

ROUTES = {
    "policies.evaluate_dirty_scopes": {"queue": "evaluation"},
    "governance.send_due_deliveries": {"queue": "deliveries"},
    "governance.beat": {"queue": "beat"},
    # By the program that sends messages: an answer is one.
    "budgets.answer_slack": {"queue": "presses"},
    # Served by the program that sends messages: not by one that it watches.
    "policies.watch_evaluation": {"queue": "watch"},
}
BEAT = {
    "fold usage that waits": {"task": "allocation.fold_usage", "schedule": 5.0, "options": {"expires": 5}},
    "evaluate dirty scopes": {
        "task": "policies.evaluate_dirty_scopes",
        "schedule": 2.0,
        "options": {"expires": 2},
    },
    "send due deliveries": {
        "task": "governance.send_due_deliveries",
        "schedule": 2.0,
        "options": {"expires": 2},
    },
    "show that beat lives": {"task": "governance.beat", "schedule": 3.0, "options": {"expires": 3}},
    "watch evaluation": {"task": "policies.watch_evaluation", "schedule": 30.0, "options": {"expires": 30}},
    "sweep guardrails": {"task": "policies.sweep", "schedule": 30.0, "options": {"expires": 30}},
    "take back repeated calls": {
        "task": "allocation.take_back_repeated_calls",
        "schedule": 10.0,
        "options": {"expires": 10},
    },
    "open budget periods": {"task": "budgets.open_periods", "schedule": crontab(minute="1")},
    "remind approvers who sleep": {"task": "budgets.remind_approvers", "schedule": crontab(minute="2-59/5")},
    "end requests that nobody decided on": {"task": "budgets.expire_requests", "schedule": crontab(minute="*/5")},
    # Each press starts it at once; this is for one of which the word was lost, or whose answer is to be sent again.
    "answer presses in Slack": {"task": "budgets.answer_slack", "schedule": 10.0, "options": {"expires": 10}},
    "expire reservations": {
        "task": "budgets.expire_reservations",
        "schedule": 5.0,
        "options": {"expires": 5},
    },
    # After the first look for anomalies of the day.
    "make forecasts": {"task": "budgets.make_forecasts", "schedule": crontab(minute="50", hour="0")},
    # When little else is done: it reads every transfer.
    "prove the ledger": {"task": "budgets.prove_ledgers", "schedule": crontab(minute="40", hour="3")},
    "forget old commands": {"task": "governance.forget_old_commands", "schedule": crontab(minute="20")},
    "split shared cost": {"task": "allocation.split_shared_cost", "schedule": crontab(minute="30", hour="1")},
    # Soon after the day is over, and again for late feeds.
    "detect anomalies": {"task": "allocation.detect_anomalies", "schedule": crontab(minute="40", hour="0,6,12,18")},
    # Soon after a deployment with a new release of the catalogue.
    "snapshot the catalogue": {"task": "allocation.snapshot_catalogue", "schedule": crontab(minute="*/10")},
    "replay outcomes that came before their task": {
        "task": "allocation.replay_early_outcomes",
        "schedule": crontab(minute="*/5"),
        "options": {"expires": 300},
    },
    # After the day in which what is late of a month mostly comes, and again where something came later.
    "sum months of charges": {"task": "allocation.sum_months", "schedule": crontab(minute="25", hour="2")},
    # It gives way to who reads a table for long, such as a backup, and tries again in an hour.
    "maintain usage partitions": {"task": "allocation.maintain_partitions", "schedule": crontab(minute="10")},
}
