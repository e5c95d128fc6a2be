"""How the book is built: tools that execute and publish it, and Sphinx extensions. Not in the wheel."""
