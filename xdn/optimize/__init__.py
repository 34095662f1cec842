"""Stages that rewrite a net, and the pipeline that runs and checks them."""
