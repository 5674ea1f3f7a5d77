# Reads the first sheet of a released workbook as people do today: FILE ROWS-BEFORE-THE-HEADER.
arguments <- commandArgs(trailingOnly = TRUE)
frame <- readxl::read_excel(arguments[1], sheet = 1, skip = as.integer(arguments[2]))
cat(nrow(frame), "\n")
