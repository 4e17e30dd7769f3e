"""No form of ours takes a file, and a stranger's would fill disk or memory before anybody looks."""

from typing import Any

from django.core.files.uploadhandler import FileUploadHandler, StopUpload


class NoUploads(FileUploadHandler):
    """Stops reading a request where its first file begins."""

    chunk_size = 64 * 1024

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Refuse the file without reading it."""
        raise StopUpload(connection_reset=True)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Keep nothing; never reached."""

    def file_complete(self, file_size: int) -> None:
        """Make no file; never reached."""
