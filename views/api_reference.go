package views

// byTag keeps the operations of one tag together, in the order in which tags first appear.
func byTag(operations []APIOperation) [][]APIOperation {
	var groups [][]APIOperation
	place := map[string]int{}
	for _, operation := range operations {
		at, known := place[operation.Tag]
		if !known {
			at = len(groups)
			place[operation.Tag] = at
			groups = append(groups, nil)
		}
		groups[at] = append(groups[at], operation)
	}
	return groups
}
