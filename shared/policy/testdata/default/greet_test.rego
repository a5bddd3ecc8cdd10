package example.greet_test

import data.example.greet

test_greets_by_name if {
	greet.answer == {"text": "hello Ann"} with input as {"name": "Ann"}
}

test_greets_nobody_without_a_name if {
	greet.answer == {"text": "hello nobody"} with input as {}
}
