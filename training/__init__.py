"""The first job: data in; an evaluated, logged, published bundle out."""
