package toolchain

import _ "github.com/stretchr/testify/require"
