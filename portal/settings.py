"""Django's settings, all of them from typed readers; every start is a production start.

``./run demo``, ``./run test`` and ``./run lint`` are no exception: they bring values that hold.
"""

import logging

from portal import directory_settings, env
from portal.aws.quiet import SECRET_TELLING_LOGGERS

BASE_DIR = env.PROJECT_ROOT

# --- what the operator decides ----------------------------------------------------------------

SECRET_KEY, *SECRET_KEY_FALLBACKS = env.secrets(
    "SECRET_KEY", "Signs cookies and links; several rotate, the first one signs."
)
PORTAL_RECORD_KEY = env.secrets(
    "PORTAL_RECORD_KEY", "Keys the record's chain; several rotate, the first one writes."
)
BIND = env.address("BIND", "127.0.0.1", "The address that the server listens on.")
PORT = env.port("PORT", 8000, "The port that the server listens on.")
PORTAL_URL = env.base_url(
    "PORTAL_URL",
    f"http://localhost:{PORT}",
    "The public address: also the federation Issuer, an allowed host and the trusted origin.",
)
EXTRA_HOSTS = env.hosts("ALLOWED_HOSTS", "Further host names beside that of PORTAL_URL.")
PORTAL_TRUSTED_PROXIES = env.networks(
    "PORTAL_TRUSTED_PROXIES",
    "Addresses and networks whose X-Forwarded-For, -Proto and -Host are believed; from anywhere "
    "else those headers mean nothing.",
)
LOG_LEVEL = env.word_of(
    "LOG_LEVEL",
    ("DEBUG", "INFO", "WARNING", "ERROR"),
    "INFO",
    "How much the server logs to standard error.",
)
DATABASE = env.database(
    "DATABASE_URL", "sqlite:///portal.sqlite3", "Where users, grants and the record are kept."
)
PORTAL_FEDERATION_URL = env.endpoint_url(
    "PORTAL_FEDERATION_URL",
    "The whole federation endpoint, for every partition; sign-in tokens come from it and "
    "login URLs lead to it.",
)
for _endpoint in ("AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL"):
    env.endpoint_url(
        _endpoint, "botocore's own: another address for STS, for every partition.", "AWS's own"
    )
PORTAL_UPSTREAM_TIMEOUT_SECONDS = env.seconds(
    "PORTAL_UPSTREAM_TIMEOUT_SECONDS",
    10,
    "The whole budget of one launch's calls to AWS, retries included.",
)
PORTAL_LAUNCHES_PER_MINUTE = env.number(
    "PORTAL_LAUNCHES_PER_MINUTE",
    120,
    0,
    "Launches and credential issues of one person in a minute; 0: no limit.",
)
PORTAL_SESSION_IDLE_SECONDS = env.seconds(
    "PORTAL_SESSION_IDLE_SECONDS", 3600, "A portal session ends after so long without a request."
)
PORTAL_SESSION_SECONDS = env.seconds(
    "PORTAL_SESSION_SECONDS", 43200, "A portal session ends so long after the sign-in."
)
WEB_CONCURRENCY = env.number(
    "WEB_CONCURRENCY",
    env.processor_count(),
    1,
    "Worker processes of the server.",
    shown_default="one for each core",
)
PORTAL_THREADS = env.number("PORTAL_THREADS", 16, 1, "Threads of each worker.")
DIRECTORY = directory_settings.read()
PORTAL_MIGRATE = env.flag("PORTAL_MIGRATE", "Migrate the database before serving.", default=True)

if env.flag("DEBUG", "Never: a debugging page would show secrets, so the start refuses it."):
    raise env.SettingsProblem("DEBUG is on; this product starts without it only.")

# --- Django ------------------------------------------------------------------------------------

DEBUG = False
_host = env.host_of(PORTAL_URL)
ALLOWED_HOSTS = [_host, *EXTRA_HOSTS, *(env.LOOPBACK_HOSTS if env.is_loopback(_host) else ())]
CSRF_TRUSTED_ORIGINS = [PORTAL_URL]
COOKIES_ARE_SECURE = PORTAL_URL.startswith("https://")

INSTALLED_APPS = [
    "accounts",
    "portal",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.admin.apps.SimpleAdminConfig",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "portal.proxy.forwarded",
    "portal.middleware.request_log",
    "portal.middleware.security_headers",
    "portal.health.health_answers",
    "portal.server.load_shedding.crowd_control",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "portal.admin.tries.FormsAreRead",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "portal.signin.session_limits.session_limits",
    "portal.preferences.preferences",
    "portal.middleware.ErrorsBecomePages",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
]
ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.pages.context.portal",
            ],
            "builtins": ["django.templatetags.static", "django.templatetags.i18n"],
        },
    }
]
DATABASES = {"default": DATABASE.django_settings()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["portal.signin.backend.PortalBackend"]
SHORTEST_PASSWORD = 12
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": SHORTEST_PASSWORD},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("username", "name", "email")},
    },
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"

SESSION_ENGINE = "portal.signin.session_store"
SESSION_COOKIE_AGE = PORTAL_SESSION_SECONDS
SESSION_EXPIRE_AT_BROWSER_CLOSE = False
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = COOKIES_ARE_SECURE
SESSION_COOKIE_NAME = "__Host-session" if COOKIES_ARE_SECURE else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if COOKIES_ARE_SECURE else "csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "portal.pages.errors.csrf_failure"

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 31_536_000 if COOKIES_ARE_SECURE else 0
X_FRAME_OPTIONS = "DENY"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200
FILE_UPLOAD_HANDLERS = ["portal.uploads.NoUploads"]

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("ja", "日本語")]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["portal.formats"]
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "var" / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_MAX_AGE = 31_536_000
STORAGES = {
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}


def _at_least(level: str) -> str:
    """Return the quieter of a level and LOG_LEVEL: a logger's own counts before the root's."""
    levels = logging.getLevelNamesMapping()
    return max(level, LOG_LEVEL, key=levels.__getitem__)


SILENCED_SYSTEM_CHECKS = [
    "security.W002",  # X-Frame-Options is set on every answer by portal.middleware
    "security.W005",  # whether subdomains are https too is not this product's to say
    "security.W009",  # portal.env has its own rule for secrets: 32 characters, as for the record
    "security.W008",  # the proxy that ends TLS redirects; we never serve https ourselves
    "security.W021",  # nor is preloading the domain
]
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "portal.log_lines.LineFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        # Django's own handlers would print tracebacks of their own and mail them.
        "django": {"handlers": [], "level": _at_least("INFO"), "propagate": True},
        "django.db.backends": {"level": _at_least("INFO")},
        # Our own lines say the same, with the request id.
        "django.request": {"level": "CRITICAL"},
        # Anybody can send a Host header; it is a 400 in our own line.
        "django.security.DisallowedHost": {"level": "CRITICAL"},
        **{name: {"level": _at_least(level)} for name, level in SECRET_TELLING_LOGGERS.items()},
    },
}
