from .application import open_window as open_window
