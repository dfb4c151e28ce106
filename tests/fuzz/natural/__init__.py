"""Natural text through random histories, with a book of who wrote each line that asks neither git nor gittrace."""
