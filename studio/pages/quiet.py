"""How the page's handlers are called: at once, without a spinner, and by this page only."""

QUIET = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
