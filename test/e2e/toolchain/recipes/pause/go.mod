module kubernaut.ai/test/e2e/recipes/pause

go 1.26.0
