"""Network parts shared by the models; they know nothing of data, training or any one model."""
