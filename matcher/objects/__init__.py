"""Where encodings and the files of runs are kept: a folder of this machine, or a bucket in S3."""
