"""Values divided by what a sum over their neighbours gives: LRN, Softmax, MVN, Normalize."""
