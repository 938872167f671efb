"""What other pages and programs show of a checkout: the widget's calls and live messages."""
