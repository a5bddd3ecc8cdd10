package system

import (
	"fmt"
	"strings"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// logger is the Broker's: as the functions' own, and to the same place, so
// that nothing is written between the lines that people read.
func (s *System) logger() (*zap.SugaredLogger, error) {
	level, err := zapcore.ParseLevel(s.options.LogLevel)
	if err != nil {
		return nil, fmt.Errorf("log level: %w", err)
	}
	config := zap.NewProductionConfig()
	config.Level = zap.NewAtomicLevelAt(level)
	config.OutputPaths = strings.Fields(s.options.LogOutput)
	config.EncoderConfig.TimeKey = "timestamp"
	config.EncoderConfig.EncodeTime = zapcore.ISO8601TimeEncoder
	log, err := config.Build()
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	return log.Sugar(), nil
}
