"""The platform's question: which few artificial ratings make recommendations less polarised or fairer?"""
