"""Unfold's settings: titles, navigation and colours of the admin."""

from django.templatetags.static import static

UNFOLD = {
    "SITE_TITLE": "Weir",
    "SITE_HEADER": "Weir",
    "SITE_SUBHEADER": "what AI may cost",
    "SITE_URL": None,
    "SITE_SYMBOL": "water",
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "DASHBOARD_CALLBACK": "reporting.overview.admin.overview.with_dashboard",
    "SIDEBAR": {"show_search": False, "show_all_applications": False, "navigation": "config.navigation.navigation"},
    "STYLES": [lambda _request: static("weir/admin.css")],
    "TABS": "config.navigation.tabs",
    "ACCOUNT": {"navigation": "config.navigation.account"},
    "COLORS": {
        "primary": {
            "50": "oklch(97% .014 254.604)",
            "100": "oklch(93.2% .032 255.585)",
            "200": "oklch(88.2% .059 254.128)",
            "300": "oklch(80.9% .105 251.813)",
            "400": "oklch(70.7% .165 254.624)",
            "500": "oklch(62.3% .214 259.815)",
            "600": "oklch(54.6% .245 262.881)",
            "700": "oklch(48.8% .243 264.376)",
            "800": "oklch(42.4% .199 265.638)",
            "900": "oklch(37.9% .146 265.522)",
            "950": "oklch(28.2% .091 267.935)",
        },
    },
}
