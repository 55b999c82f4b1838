"""The features of the portal, each with its pages in a folder of its own. They are strangers to each other."""
