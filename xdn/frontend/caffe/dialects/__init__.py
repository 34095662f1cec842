"""Older texts, and those of Caffe's forks, said in the words of today's Caffe."""
