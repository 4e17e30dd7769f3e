"""Lists whose filters say how many there are of each choice, while that is cheap."""

from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest

MOST_COUNTED = 5000
"""Up to so many things a list counts for each choice of its filters."""


class CountedList(ChangeList):
    """A list that counts for its filters where nothing is searched or chosen yet.

    In a longer one that would be a walk through all of it for every filter.
    """

    def get_results(self, request: HttpRequest) -> None:
        """Decide by the number of all things."""
        super().get_results(request)
        is_plain = not self.query and not self.has_active_filters
        self.add_facets = is_plain and self.result_count <= MOST_COUNTED
