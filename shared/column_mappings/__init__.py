"""placeholder: written by the owner of column mappings"""
