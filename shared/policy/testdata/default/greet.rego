package example.greet

default answer := {"text": "hello nobody"}

answer := {"text": sprintf("%s %s", [data.greeting, input.name])}
