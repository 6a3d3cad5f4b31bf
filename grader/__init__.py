"""The trusted side: it asks a submission questions, and believes nothing but the answers."""
