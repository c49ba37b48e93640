"""Every setting of the service. What an operator may set comes from the environment (README, "Settings")."""

import json
import secrets
from pathlib import Path
from typing import Any

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from config import appearance, logs, openapi, schedule, stack
from config.databases import APPLICATION, DATABASE, OWNER, conninfo
from config.environment import Environment, EnvironmentVariableError, secret_keys
from config.folders import data_folder
from config.identity import identity_provider, passwords, second_factor
from config.money import grant_percents

env = Environment()

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_FOLDER = data_folder(env.text("WEIR_DATA_DIR"))

# --- secrets -------------------------------------------------------------------------------------------------


def stored_secrets() -> dict[str, Any]:
    """The secret keys that the first `weir up` generated in the data folder; {} before that."""
    if not DATA_FOLDER.secrets.is_file():
        return {}
    stored: dict[str, Any] = json.loads(DATA_FOLDER.secrets.read_text())
    return stored


_stored = stored_secrets()
_secret_key = env.text("WEIR_SECRET_KEY", str(_stored.get("secret_key", "")))
# A command can run with a random key; the web process, whose sessions it signs, refuses to start with one (wsgi.py).
SECRET_KEY_IS_MADE_UP = not _secret_key
SECRET_KEY = _secret_key or secrets.token_urlsafe(50)
# AES-256-GCM key ring for channel secrets: the first key encrypts, every key decrypts.
WEIR_SECRET_KEYS = secret_keys(env.words("WEIR_SECRET_KEYS", tuple(_stored.get("secret_keys", ()))))
# Who runs commands, by email address.
WEIR_AS = env.text("WEIR_AS")

# --- web -----------------------------------------------------------------------------------------------------

DEBUG = env.flag("WEIR_DEBUG", default=False)
ALLOWED_HOSTS = env.words("WEIR_ALLOWED_HOSTS", ("localhost", "127.0.0.1", "[::1]"))
CSRF_TRUSTED_ORIGINS = env.words("WEIR_CSRF_TRUSTED_ORIGINS")
PUBLIC_URL = env.text("WEIR_PUBLIC_URL", "http://localhost:8000").rstrip("/")
USE_X_FORWARDED_HOST = env.flag("WEIR_BEHIND_PROXY", default=False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if USE_X_FORWARDED_HOST else None
IS_PUBLIC_BY_TLS = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = IS_PUBLIC_BY_TLS
# By its name a browser takes such a cookie by TLS and from this host only, so that no neighbour of it sets one.
SESSION_COOKIE_NAME = f"{'__Host-' if IS_PUBLIC_BY_TLS else ''}sessionid"
CSRF_COOKIE_NAME = f"{'__Host-' if IS_PUBLIC_BY_TLS else ''}csrftoken"
# A browser that came by TLS once comes by nothing else for a year.
SECURE_HSTS_SECONDS = 365 * 86_400 if IS_PUBLIC_BY_TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = IS_PUBLIC_BY_TLS
# Pages only: a program that sends its key in the clear is not helped by being sent elsewhere afterwards, and probes and
# gateways beside Weir ask it past the proxy. Without the proxy's word how somebody came is not known.
SECURE_SSL_REDIRECT = IS_PUBLIC_BY_TLS and USE_X_FORWARDED_HOST
SECURE_REDIRECT_EXEMPT = [r"^api/v1/", r"^healthz$", r"^readyz$"]
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = False

INSTALLED_APPS = stack.INSTALLED_APPS
MIDDLEWARE = stack.MIDDLEWARE

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "config/templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "governance.sign_in.admin.second_factors.account_pages",
            ],
            "libraries": {"figures": "governance.pages.admin.figures"},
        },
    },
]

STATIC_URL = "/static/"
STATIC_ROOT = DATA_FOLDER.static
# WhiteNoise serves the collected files in the web process; before `weir up` the folder may be missing.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}

# --- people --------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "governance.User"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend", "governance.people.rules.PersonaBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "governance.sign_in.rules.GuessablePasswordValidator"},
]
# How long somebody is signed in, whatever they do: where money is decided on, shorter.
SESSION_HOURS = env.integer("WEIR_SESSION_HOURS", 168, least=1)
SESSION_FINANCE_HOURS = env.integer("WEIR_SESSION_FINANCE_HOURS", 12, least=1)
# And how long they may do nothing.
SESSION_IDLE_MINUTES = env.integer("WEIR_SESSION_IDLE_MINUTES", 1440, least=5)
SESSION_FINANCE_IDLE_MINUTES = env.integer("WEIR_SESSION_FINANCE_IDLE_MINUTES", 60, least=5)
SESSION_COOKIE_AGE = max(SESSION_HOURS, SESSION_FINANCE_HOURS) * 3600
# Of whom a second factor is demanded; whoever has one is asked for it in any case.
SECOND_FACTOR = second_factor(env)
IDENTITY_PROVIDER = identity_provider(env)
PASSWORDS = passwords(env, IDENTITY_PROVIDER)
ACCOUNT_ADAPTER = "governance.sign_in.admin.adapters.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
# Of codes of a second factor; passwords are counted by governance.sign_in.
ACCOUNT_RATE_LIMITS = {"login_failed": "5/5m/key"}
MFA_ADAPTER = "governance.sign_in.admin.adapters.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_TOTP_ISSUER = "Weir"
# A phone's clock is not ours: the code before and the one after are taken too, each once.
MFA_TOTP_TOLERANCE = 1
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not IS_PUBLIC_BY_TLS
# Of few entries, and seen by every web process: a code that was used is used for all of them.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "governance_cache",
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    }
}
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

# --- time and language ---------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"
FORMAT_MODULE_PATH = ["config.formats"]

# --- database ------------------------------------------------------------------------------------------------


def database(url: str, *, variable: str = "DATABASE_URL", embedded: str = APPLICATION) -> dict[str, Any]:
    """Django's settings for a PostgreSQL URL or keyword string; without one, for the embedded server's socket and its
    role `embedded`. EnvironmentVariableError when it cannot be parsed or names no database.
    """
    try:
        parts: dict[str, Any] = conninfo_to_dict(
            url or f"host={DATA_FOLDER.sockets} port=5432 user={embedded} dbname={DATABASE}"
        )
    except ProgrammingError as problem:
        raise EnvironmentVariableError(variable, f"is not a PostgreSQL URL: {problem}".rstrip(".\n")) from None
    if not parts.get("dbname"):
        raise EnvironmentVariableError(variable, "names no database")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.pop("dbname"),
        "USER": parts.pop("user", ""),
        "PASSWORD": parts.pop("password", ""),
        "HOST": parts.pop("host", ""),
        "PORT": str(parts.pop("port", "")),
        # Each thread keeps its connection, checked once per request, so that a restart of PostgreSQL is noticed
        # before the first real query and not by it.
        "CONN_MAX_AGE": None,
        "CONN_HEALTH_CHECKS": True,
        # Programs of a service say their own name by PGAPPNAME (config/service.py).
        "OPTIONS": {"connect_timeout": 5, "fallback_application_name": "weir"} | parts,
    }


DATABASE_IS_EMBEDDED = not env.text("DATABASE_URL")
DATABASES = {"default": database(env.text("DATABASE_URL"))}
APPLICATION_ROLE = DATABASES["default"]["USER"]
# Who migrates owns the tables; the application may do what it does, and no more (config/roles.py). None: it is both.
OWNER_DATABASE: dict[str, Any] | None = None
if (_owner_url := env.text("WEIR_OWNER_DATABASE_URL")) or DATABASE_IS_EMBEDDED:
    if _owner_url and DATABASE_IS_EMBEDDED:
        raise EnvironmentVariableError("WEIR_OWNER_DATABASE_URL", "needs DATABASE_URL beside it")
    OWNER_DATABASE = database(_owner_url, variable="WEIR_OWNER_DATABASE_URL", embedded=OWNER)
    if OWNER_DATABASE["NAME"] != DATABASES["default"]["NAME"]:
        raise EnvironmentVariableError("WEIR_OWNER_DATABASE_URL", "names another database than DATABASE_URL")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Whether browsers ship a domain in their lists is decided by whoever has the domain.
SILENCED_SYSTEM_CHECKS = ["security.W021"]

# How long PostgreSQL works on one statement, by the role of whoever asked (config/statements.py); 0 is for ever. Of the
# web: proxies and people give up after a minute, and a thread is one of few; an export fetches its rows by many
# statements. What follows usage is late after a minute. Of workers: the longest honest statement forgets a month of
# names. A connection string with `options` of its own decides itself.
STATEMENT_TIMEOUT_WEB_S = env.integer("WEIR_STATEMENT_TIMEOUT_WEB_S", 60, least=0)
STATEMENT_TIMEOUT_FOLD_S = env.integer("WEIR_STATEMENT_TIMEOUT_FOLD_S", 300, least=0)
STATEMENT_TIMEOUT_EVALUATION_S = env.integer("WEIR_STATEMENT_TIMEOUT_EVALUATION_S", 300, least=0)
STATEMENT_TIMEOUT_DELIVERIES_S = env.integer("WEIR_STATEMENT_TIMEOUT_DELIVERIES_S", 60, least=0)
STATEMENT_TIMEOUT_WORKERS_S = env.integer("WEIR_STATEMENT_TIMEOUT_WORKERS_S", 900, least=0)
STATEMENT_TIMEOUT_COMMANDS_S = env.integer("WEIR_STATEMENT_TIMEOUT_COMMANDS_S", 3600, least=0)
# What is asked for every call is prepared once by a connection (governance/statements/operations.py).
DATABASE_PREPARES = env.flag("WEIR_DATABASE_PREPARES", default=True)

# --- Celery --------------------------------------------------------------------------------------------------

NUDGE_VISIBILITY_S = 30
# Losing a nudge does no harm.
BROKER_CONNINFO = conninfo(DATABASES["default"], "weir broker", "-c synchronous_commit=off")
BROKER_OWNER_CONNINFO = conninfo(OWNER_DATABASE or DATABASES["default"], "weir broker", "-c synchronous_commit=off")
CELERY_BROKER_URL = env.text("CELERY_BROKER_URL", "pgmq://localhost")
BROKER_IS_POSTGRES = CELERY_BROKER_URL.startswith("pgmq:")
if not CELERY_BROKER_URL.startswith(("pgmq:", "amqp:", "amqps:", "redis:", "rediss:", "sentinel:", "memory:")):
    raise EnvironmentVariableError("CELERY_BROKER_URL", "must start with pgmq://, amqp:// or redis://")
# Messages are only nudges: the work is rows, so a message may be lost, repeated or late without harm.
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {"visibility_timeout": NUDGE_VISIBILITY_S}
if BROKER_IS_POSTGRES:
    # A message is told of at once; looking every second is for one of which the word was lost.
    CELERY_BROKER_TRANSPORT_OPTIONS |= {"use_notify": True, "wait_time_seconds": 0, "polling_interval": 1.0}
elif CELERY_BROKER_URL.startswith(("redis", "sentinel")):
    # One that says nothing would hold whoever sends, for ever: the thread of nudges, and beat.
    CELERY_BROKER_TRANSPORT_OPTIONS |= {"socket_timeout": 30, "socket_connect_timeout": 5}
# Each connection of this pool holds its own pool of PostgreSQL connections.
CELERY_BROKER_POOL_LIMIT = 2
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_TIME_LIMIT = 600
CELERY_TASK_DEFAULT_QUEUE = "slow"
CELERY_TASK_CREATE_MISSING_QUEUES = True
CELERY_TASK_ROUTES = schedule.ROUTES
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE = schedule.BEAT
CELERY_BEAT_SCHEDULER = "config.beat:SteadyScheduler"

# --- API -----------------------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "governance.rest.api.authentication.ApiKeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["governance.rest.api.bodies.GuardedJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "governance.rest.api.pagination.CursorPagination",
    "PAGE_SIZE": 100,
    "DEFAULT_SCHEMA_CLASS": "governance.rest.api.schema.Schema",
    "EXCEPTION_HANDLER": "governance.rest.api.problems.exception_handler",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "URL_FORMAT_OVERRIDE": None,
}
# Largest JSON body of a command; usage has its own limit below.
COMMAND_BODY_BYTES_MAX = 1024 * 1024
SPECTACULAR_SETTINGS = openapi.SPECTACULAR

# Requests of one caller, counted where they arrive (config/front): of an API key, of a person's browser session, of an
# address without a key that is known, and how often an address may try to sign in.
LIMIT_KEY_PER_S = env.integer("WEIR_LIMIT_KEY_PER_S", 20_000, least=1)
LIMIT_PERSON_PER_S = env.integer("WEIR_LIMIT_PERSON_PER_S", 50, least=1)
LIMIT_ADDRESS_PER_S = env.integer("WEIR_LIMIT_ADDRESS_PER_S", 200, least=1)
LIMIT_SIGN_IN_PER_MIN = env.integer("WEIR_LIMIT_SIGN_IN_PER_MIN", 10, least=1)

# --- decisions -----------------------------------------------------------------------------------------------

DECISIONS_CONNINFO = conninfo(DATABASES["default"], "weir decisions", "-c timezone=UTC")
# Without word from the database for so long, decisions say that they are stale; scopes of these criticalities are then
# refused, all others are answered by what was last known.
DECISIONS_STALE_AFTER_S = env.integer("WEIR_DECISIONS_STALE_AFTER_S", 10, least=3)
DECISIONS_FAIL_CLOSED = env.words("WEIR_DECISIONS_FAIL_CLOSED", ("low",))
for _criticality in DECISIONS_FAIL_CLOSED:
    if _criticality not in {"low", "standard", "high", "business_critical", "none"}:
        raise EnvironmentVariableError(
            "WEIR_DECISIONS_FAIL_CLOSED",
            f"must be none, or of low, standard, high and business_critical, not {_criticality}",
        )

# --- pages ---------------------------------------------------------------------------------------------------

OVERVIEW_FAULTS = "config.apart.sentences"

# --- budgets -------------------------------------------------------------------------------------------------

GRANT_ALONE_PERCENT, EMERGENCY_PERIOD_PERCENT, EMERGENCY_DAY_PERCENT = grant_percents(env)

# --- usage ---------------------------------------------------------------------------------------------------

USAGE_ACCOUNTS = "budgets.ledger.operations.posting.AccountsAsked"
USAGE_POSTING = "budgets.reservations.operations.reported.post_and_settle"
USAGE_CROSSING = "policies.evaluation.operations.crossings.evaluate_charged_scopes"
USAGE_RETENTION_DAYS = env.integer("WEIR_USAGE_RETENTION_DAYS", 400, least=1)
USAGE_MINUTES_DAYS = env.integer("WEIR_USAGE_MINUTES_DAYS", 31, least=31)  # the longest window is of 30 days
# How old a record may be; never older than the retention, which would drop it the next night.
USAGE_ACCEPT_PAST_DAYS = env.integer("WEIR_USAGE_ACCEPT_PAST_DAYS", 400, least=1)
# Whether a request that posts usage folds it itself. The program `fold` does so for many at once; without it, set it.
USAGE_FOLDED_IN_REQUEST = env.flag("WEIR_USAGE_FOLDED_IN_REQUEST", default=False)
# A stated cost this many times above or below the price list's is held for a person to look at; 0 holds none.
USAGE_COST_HELD_RATIO = env.integer("WEIR_USAGE_COST_HELD_RATIO", 100, least=0)
# Whether that goes for events and mapped files too, whose cost is by contract what the provider billed.
USAGE_BILLS_HELD = env.flag("WEIR_USAGE_BILLS_HELD", default=False)
ANOMALY_EXCESS_MIN = env.integer("WEIR_ANOMALY_EXCESS_MIN", 10, least=0)
USAGE_BODY_BYTES_MAX = env.integer("WEIR_USAGE_BODY_BYTES_MAX", 32 * 1024 * 1024, least=1024)
USAGE_EVENTS_PER_REQUEST_MAX = env.integer("WEIR_USAGE_EVENTS_PER_REQUEST_MAX", 10_000, least=1)
# Django's limit applies to `request.body`: forms and commands. Usage has a limit of its own.
DATA_UPLOAD_MAX_MEMORY_SIZE = max(2_621_440, USAGE_BODY_BYTES_MAX)
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000

# --- channels ------------------------------------------------------------------------------------------------

# Allows Slack and webhook destinations on this machine: for trials and tests, never for a shared installation.
WEIR_ALLOW_LOOPBACK_WEBHOOKS = env.flag("WEIR_ALLOW_LOOPBACK_WEBHOOKS", default=False)

# --- mail ----------------------------------------------------------------------------------------------------

EMAIL_HOST = env.text("WEIR_EMAIL_HOST")
# A trial installation has no SMTP server: its messages are written as files.
MAIL_IS_WRITTEN = DATABASE_IS_EMBEDDED and not EMAIL_HOST
EMAIL_BACKEND = f"django.core.mail.backends.{'filebased' if MAIL_IS_WRITTEN else 'smtp'}.EmailBackend"
EMAIL_FILE_PATH = DATA_FOLDER.mail
EMAIL_PORT = env.integer("WEIR_EMAIL_PORT", 25, least=1)
EMAIL_HOST_USER = env.text("WEIR_EMAIL_USER")
EMAIL_HOST_PASSWORD = env.text("WEIR_EMAIL_PASSWORD")
_email_security = env.choice("WEIR_EMAIL_SECURITY", "none", frozenset({"none", "starttls", "tls"}))
EMAIL_USE_TLS = _email_security == "starttls"
EMAIL_USE_SSL = _email_security == "tls"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.text("WEIR_EMAIL_FROM", "weir@localhost")

# --- logging -------------------------------------------------------------------------------------------------

LOG_LEVEL = env.choice("WEIR_LOG_LEVEL", "INFO", frozenset({"DEBUG", "INFO", "WARNING", "ERROR"}))
LOGGING = logs.to_console(LOG_LEVEL)

# --- admin ---------------------------------------------------------------------------------------------------

UNFOLD = appearance.UNFOLD
