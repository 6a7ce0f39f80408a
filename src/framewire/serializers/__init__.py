"""The serializers: a table of them, one small file for each, and the types that users register."""
